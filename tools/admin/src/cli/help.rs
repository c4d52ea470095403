//! The long texts of `--help`.

pub(super) const TOP: &str = "\
Looks after the users of the auth service, and after the keys of its tokens.

The commands for users work on the database that login works on, and find it the
same way:

  DATABASE_URL          mysql://user:password@host:port/database?ssl-mode=...,
                        or sqlite:/path/to/file for local work
  DATABASE_URL_FILE     a file that holds such a URL
  MYSQL_HOST, MYSQL_PORT, MYSQL_USER, MYSQL_DB, MYSQL_SSL_MODE, MYSQL_SSL_CA, and
  MYSQL_PASSWORD or MYSQL_PASSWORD_FILE
                        the same in parts
  DATABASE_SECRET_ID    a Secrets Manager secret as RDS writes it

The account needs SELECT, INSERT, UPDATE and DELETE on the tables `user` and
`login_throttle`; the one that init.sql makes for login may not add users or make
administrators.

New hashes are Argon2id. ARGON2_MEMORY_KIB, ARGON2_ITERATIONS and ARGON2_PARALLELISM
set their cost, which should be the one of login.

Passwords are asked for, or read with --password-stdin; they are never arguments,
which the history of the shell and every user of the machine would see. A password is
refused if it is shorter than 8 characters, longer than 1024 bytes, or among the most
common ones.

The exit status is 0 for success, 1 for a refusal or a failure, 2 for a wrong command
line and 78 for a wrong configuration.";

pub(super) const TOP_EXAMPLES: &str = "\
EXAMPLES
  Add an administrator to the database of local work:
    DATABASE_URL=sqlite:target/local/users.sqlite auth-admin user add ada@example.com --admin
  Look at the table of another system:
    auth-admin check
  Move over from the Flask service:
    auth-admin upgrade-plaintext
  Replace the key that signs tokens, without a token refused:
    auth-admin key --help
  Let a user in who mistyped the password too often:
    auth-admin throttle reset ada@example.com
  Find passwords that nobody can log in with:
    auth-admin check";

pub(super) const HASH: &str = "\
Prints the hash of a password, as it would be stored: an Argon2id hash as a PHC string.

It needs no database. ARGON2_MEMORY_KIB, ARGON2_ITERATIONS and ARGON2_PARALLELISM set
the cost.";

pub(super) const HASH_EXAMPLES: &str = "\
EXAMPLES
  A line for a file of users to be imported:
    echo \"ada@example.com,\\\"$(auth-admin hash)\\\"\"";

pub(super) const CHECK: &str = "\
Looks at the database as login would, and says in a table what it found: the server and
its mode, the account and its privileges, the columns that login reads and their types,
what login does there, stored passwords by kind, and e-mails that are there twice.

It changes nothing. The exit status is 1 where a login would fail.";

pub(super) const CHECK_EXAMPLES: &str = "\
EXAMPLES
  With the account and the variables of login:
    MYSQL_HOST=db MYSQL_USER=auth_user MYSQL_DB=auth MYSQL_PASSWORD_FILE=password auth-admin check";

pub(super) const UPGRADE: &str = "\
Hashes fast digests of passwords once more, with Argon2id: MD5, SHA-1, SHA-256 and SHA-512
in hexadecimal, {SSHA} and its siblings of LDAP, and PASSWORD() of MySQL 4.1. login never
compares a digest; behind this command the users' own passwords log in, and the first login
replaces the hash by a plain Argon2id hash.

First it says how many rows there are of each form, and asks. Each hash is stored as soon
as it is made, and only if the row has not changed in between, so that the service may run
meanwhile. If the command is stopped, the next one goes on where it was.

A digest of something else than the password alone looks the same: of the password and a
salt in another column, say, or a digest of Windows. Its users could not log in, and the
digest would be gone. So try one user with --only first.";

pub(super) const UPGRADE_EXAMPLES: &str = "\
EXAMPLES
  See what there is, and answer no:
    auth-admin upgrade
  Try it out with one user, whose password you know:
    auth-admin upgrade --only ada@example.com
  Without a question:
    auth-admin upgrade --yes";

pub(super) const UPGRADE_PLAINTEXT: &str = "\
Hashes the passwords that the Flask service stored as plain text.

First it says how many rows there are of each form, and asks. What looks like a hash, by
its alphabet, its length or its marks, is left alone: with a hash of it, an old copy
of the table would be enough to log in with what stands there. --allow-hash-like says that users
type such texts as their passwords.

Each hash is stored as soon as it is made, and only if the row has not changed in between,
so that the service may run meanwhile and no new passwords are needed. If the command is
stopped, the next one goes on where it was.

Weak passwords are hashed as well, since their users must be able to log in; their
e-mails are listed on standard error, and it is the last chance to find them.

Run upgrade-from-flask.sql first, and keep no backup with the plain texts.";

pub(super) const UPGRADE_PLAINTEXT_EXAMPLES: &str = "\
EXAMPLES
  Keep the list of those who should choose a better password:
    auth-admin upgrade-plaintext --yes 2> upgrade.log";

pub(super) const ADD: &str = "\
Adds a user.

The e-mail has one @ with something on both sides, no blanks, no control characters,
no colon, and at most 254 bytes. Two e-mails that differ in upper and lower case alone
are the same.";

pub(super) const ADD_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user add ada@example.com
  auth-admin user add ada@example.com --admin --password-stdin < password.txt";

pub(super) const PASSWORD_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user password ada@example.com
  openssl rand -base64 18 | tee password.txt |
    auth-admin user password ada@example.com --password-stdin";

pub(super) const LIST_EXAMPLES: &str = "\
EXAMPLES
  The e-mails of all administrators:
    auth-admin user list --json | jq -r '.[] | select(.admin) | .email'";

pub(super) const GRANT_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user grant ada@example.com";

pub(super) const REVOKE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user revoke ada@example.com";

pub(super) const REVOKE: &str = "\
Makes an administrator a plain user.

Tokens say who is an administrator, so those that the user holds stay what they are
until they expire.";

pub(super) const REMOVE: &str = "\
Removes a user, after a confirmation on the terminal.

Tokens that the user holds stay valid until they expire.";

pub(super) const REMOVE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user remove ada@example.com
  auth-admin user remove ada@example.com --yes < /dev/null";

pub(super) const DISABLE: &str = "\
Puts a ! in front of the stored hash, as usermod -L does: every password is wrong then,
and the answer and its cost are those of a wrong one.

Tokens that the user holds stay valid until they expire.";

pub(super) const DISABLE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user disable ada@example.com";

pub(super) const ENABLE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin user enable ada@example.com";

pub(super) const IMPORT: &str = "\
Adds the users of a CSV file, all or none.

The first line is email,password or email,password,admin. --passwords says what the second
column holds: plain texts, which are checked and hashed, or hashes. Hashes that login
supports are stored as they are, and digests are hashed once more, as by auth-admin
upgrade. Hashes with commas in them stand in double quotes. A plain text that looks like a
hash is refused, unless --allow-hash-like says that its user types it. The column admin
holds true or false; empty is false.

Nothing is stored unless every line is right; the lines that are not are named by
number, with the reason.";

pub(super) const IMPORT_EXAMPLES: &str = "\
EXAMPLES
  $ cat users.csv
  email,password,admin
  ada@example.com,correct horse battery,true
  $ auth-admin user import --passwords plain users.csv
  added 1 user
  $ cat old.csv
  email,password
  bob@example.com,$2b$12$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie
  $ auth-admin user import --passwords hashed old.csv
  added 1 user";

pub(super) const INSPECT: &str = "\
Shows the header and the claims of a token, with its times in UTC.

With JWT_SECRET, JWT_SECRET_FILE or JWT_SECRET_ID set, the token is verified as
validate does it, JWT_ISSUER and JWT_AUDIENCE included, and the exit status is 1 if it
is not valid. Without, it says so: anybody can have written what it shows.";

pub(super) const INSPECT_EXAMPLES: &str = "\
EXAMPLES
  curl -s -X POST -u ada@example.com http://localhost:8080/login | auth-admin token inspect -
  JWT_SECRET_FILE=/run/secrets/jwt auth-admin token inspect eyJ0eXAiOiJKV1Q...";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
EXAMPLES
  auth-admin completions bash > ~/.local/share/bash-completion/completions/auth-admin
  auth-admin completions zsh > ~/.zfunc/_auth-admin
  auth-admin completions fish > ~/.config/fish/completions/auth-admin.fish";

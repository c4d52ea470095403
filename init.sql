-- Database, tables and account of the auth service, for MySQL 8.4 and 9 and MariaDB
-- 10.11. An administrator runs it, and may repeat it at any time; it changes no rows:
--
--   { echo "SET @auth_password = X'$(printf %s "$(cat password.txt)" | od -An -v -tx1 | tr -d ' \n')';"
--     cat init.sql; } | mysql -u root -p
--
-- With @auth_password the account gets this password and may log in; a later run with
-- another password changes it. Without it a new account is locked, and an existing account
-- keeps its password. It is in hex, so that it may contain quotes; the file has no line break.
--
-- It is piped, since `ps` shows command lines. If the server's general log is on, it logs
-- the statement: SET GLOBAL general_log = OFF before you run it.
--
-- A table left by the Flask service needs docs/upgrade-from-flask.sql first (see the end).

-- Do not depend on the settings of client and server: PREPARE below converts its text to
-- the client's character set, and QUOTE() escapes with backslashes.
SET NAMES utf8mb4;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';

CREATE DATABASE IF NOT EXISTS auth CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE auth;

-- Collations are explicit because the defaults of MySQL and MariaDB differ. `email` ignores
-- case, so that an address cannot be added twice; `login` compares the found e-mails again.
-- `password` is a hash and is compared exactly.
CREATE TABLE IF NOT EXISTS user (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL UNIQUE,
  password   VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  admin      BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

-- The table of the Flask service has no column `admin`: the error shows the constraint's name.
CREATE TEMPORARY TABLE user_columns (
  admin INT PRIMARY KEY, CONSTRAINT `run docs/upgrade-from-flask.sql first` CHECK (admin = 1)
);
INSERT INTO user_columns SELECT COUNT(*) FROM information_schema.columns
  WHERE table_schema = 'auth' AND table_name = 'user' AND LOWER(column_name) = 'admin';
DROP TEMPORARY TABLE user_columns;

-- Failed logins, shared by all instances of `login`; times are milliseconds since 1970.
-- `subject` is "email-sha256:" with the hash of an address in lower case, or "source:" with
-- a client's address. `checks` is the number of running password checks; only the statement that
-- sets `admitted` reads it. `login` deletes expired rows.
CREATE TABLE IF NOT EXISTS login_throttle (
  subject      VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  failures     BIGINT  NOT NULL,
  checks       BIGINT  NOT NULL,
  admitted     BOOLEAN NOT NULL DEFAULT TRUE,
  checks_until BIGINT  NOT NULL,
  locked_until BIGINT  NOT NULL,
  forget_at    BIGINT  NOT NULL,
  KEY (forget_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Account statements allow no variables, hence PREPARE. The password's bytes are read as
-- UTF-8, whatever their character set is, since `login` sends UTF-8. An empty password
-- counts as none: an unset shell variable must not unlock the account.
SET @auth_password = IF(LENGTH(@auth_password) > 0,
  QUOTE(CONVERT(CAST(@auth_password AS BINARY) USING utf8mb4)), NULL);

-- Locked, and with a random password, in case the account is unlocked by hand.
SET @auth_statement = CONCAT('CREATE USER IF NOT EXISTS ''auth_user''@''%'' IDENTIFIED BY ''aA1-',
  HEX(RANDOM_BYTES(20)), ''' ACCOUNT LOCK');
PREPARE auth_statement FROM @auth_statement;
EXECUTE auth_statement;

SET @auth_statement = IF(@auth_password IS NULL, 'DO 0',
  CONCAT('ALTER USER ''auth_user''@''%'' IDENTIFIED BY ', @auth_password, ' ACCOUNT UNLOCK'));
PREPARE auth_statement FROM @auth_statement;
EXECUTE auth_statement;

DEALLOCATE PREPARE auth_statement;
SET @auth_password = NULL, @auth_statement = NULL;

-- Only what `login` does: look a user up, replace a hash by a stronger one, and count failed
-- logins. The account cannot add or remove users or make administrators.
GRANT SELECT (id, email, password, admin), UPDATE (password) ON auth.user TO 'auth_user'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.login_throttle TO 'auth_user'@'%';

-- An existing table
--
-- For a table with other names or in another database, create a view `user` before you run this
-- (docs/moving-over.md has one): it is used like the table.
--
-- CREATE TABLE IF NOT EXISTS does not change the table of the Flask service, and this script then
-- stops at the missing column `admin`. Back up the table, then run in this order:
--
--   mysql -u root -p auth < docs/upgrade-from-flask.sql   columns, types, collations
--   mysql -u root -p < init.sql                           the account
--   auth-admin upgrade-plaintext                          hashes the plain-text passwords
--   auth-admin check                                      checks whether login works with it
--
-- GRANT removes no privileges. Check the privileges of an older account, and remove accounts for
-- other hosts, such as the Flask service's auth_user@localhost: they are used instead of '%'.
--
--   SELECT user, host FROM mysql.user WHERE user = 'auth_user';
--   DROP USER auth_user@localhost;

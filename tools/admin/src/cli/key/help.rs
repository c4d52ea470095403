//! The long texts of `auth-admin key --help`.

pub(in crate::cli) const KEY: &str = "\
Looks after the keys that sign and verify tokens.

They are in the file that JWT_SECRET_FILE names, or in the Secrets Manager secret that
JWT_SECRET_ID names: a JWK Set (RFC 7517 section 5). The first key of the set that can
sign signs; all of them verify. No database is needed.

A rotation that no client notices has four steps:

  key rotate --stage   adds a key that verifies and does not sign yet
                       wait until every instance has it: SECRET_REFRESH_SECONDS, and as
                       long as gateways keep /.well-known/jwks.json
  key promote KID      lets it sign
                       wait until the last token of the old key has expired:
                       SECRET_REFRESH_SECONDS and JWT_TTL_SECONDS
  key retire KID       removes the old key
  key list             shows what is there, at any time

What is there may be a plain text (HS256) or a PEM key as well: the first change makes
a set of it, in which a text stays without a kid and a PEM key is called by its
thumbprint, so that tokens go on being valid. Every change is read back before it is
written, as login and validate would read it.

Where validate and authorizer must not read the private keys, --public-secret-id or
--public-file names the place that they read instead, and every change writes the public
halves there first. Give it with each change, or bring the two into step by key publish.

A file is replaced as a whole. It keeps owner, group and mode, but others lose access;
a new one has mode 0600. Behind a symbolic link, the target is replaced.

Secrets Manager is found by the standard AWS variables and files. The commands need
secretsmanager:GetSecretValue; those that change something PutSecretValue and
UpdateSecretVersionStage as well, and key new CreateSecret. Of two changes at the same
moment one alone is made in Secrets Manager, and the other one fails; in a file, on one
machine, one waits for the other.";

pub(in crate::cli) const KEY_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key rotate --alg ES256 --stage --secret-id auth/jwt
  auth-admin key promote nb4Yd0SkYMuVXyQGxRAiiJOZwPK2c8rzxDsxbF1nJ0A --secret-id auth/jwt
  auth-admin key retire --without-kid --secret-id auth/jwt";

pub(super) const NEW: &str = "\
Makes a set with one new key, and prints its kid (- if it has none).

The file must not exist yet; it gets mode 0600. The secret is made, or filled if it has
no value yet. Where there are keys already, key rotate adds one.

RS256 is what every gateway verifies. ES256 and EdDSA have shorter tokens. With HS256,
whoever verifies can sign as well, and nothing is published.";

pub(super) const NEW_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key new --alg ES256 --file jwt.json
  auth-admin key new --alg RS256 --bits 3072 --kid 2026-01 --secret-id auth/jwt";

pub(super) const LIST: &str = "\
Lists the keys in their order, and nothing of the keys themselves: the kid, the
algorithm, whether the key signs or verifies, and whether it is private, public or
symmetric. A key without a kid is shown as -.

For a secret, what AWSCURRENT holds is listed. What AWSPREVIOUS holds verifies as well.";

pub(super) const LIST_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key list --file jwt.json
  The kid that new tokens bear:
    auth-admin key list --secret-id auth/jwt --json | jq -r '.[] | select(.signs) | .kid'";

pub(super) const ROTATE: &str = "\
Adds a new key, and says what signs now and what comes next.

Without --stage the new key signs at once. A validate that does not have it yet fetches
it when it sees the first token, but a gateway that keeps the public keys may refuse
tokens until it looks again. With --stage the new key stands directly behind the one
that signs, and only verifies until key promote.

The keys before stay in the set, and verify. A plain text becomes a symmetric key
without a kid, so that tokens of the Flask service stay valid.";

pub(super) const ROTATE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key rotate --stage --file jwt.json
  From a shared secret to key pairs:
    auth-admin key rotate --alg ES256 --stage --secret-id auth/jwt";

pub(super) const PROMOTE: &str = "\
Moves a key to the front of the set, so that it signs. The one that signed before
verifies.

Every instance and gateway should have the key before: see key --help.

--without-kid means the key without a kid that does not sign, the first if there are
several.";

pub(super) const PROMOTE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key promote 2026-01 --file jwt.json
  Back to the plain text that was there before:
    auth-admin key promote --without-kid --file jwt.json";

pub(super) const RETIRE: &str = "\
Removes a key from the set. Its tokens are refused as soon as the instances have the new
set. The key that signs is not removed: promote another one first.

With --secret-id, the label AWSPREVIOUS is taken away from the version before, too:
what it holds would go on verifying.

--without-kid means the key without a kid that does not sign, the last if there are
several.";

pub(super) const RETIRE_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key retire 2025-07 --file jwt.json
  auth-admin key retire --without-kid --secret-id auth/jwt";

pub(super) const PUBLIC: &str = "\
Prints the JWK Set that everybody may know, as validate serves it under
/.well-known/jwks.json: the public halves, and nothing of symmetric keys. For a secret,
those of AWSPREVIOUS are in it as well.";

pub(super) const PUBLIC_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key public --secret-id auth/jwt > jwks.json";

pub(super) const PUBLISH: &str = "\
Writes the JWK Set that key public prints to the place that --public-secret-id or
--public-file names, which validate and authorizer read where they must not read the
private keys. Needed once for keys that are there already, and after a change that was
not finished: rotate, promote and retire do it by themselves if they are given the place.

A set with a symmetric key is refused, since that has no public half, and a place that
holds private keys is not written over.";

pub(super) const PUBLISH_EXAMPLES: &str = "\
EXAMPLES
  auth-admin key publish --secret-id auth/jwt --public-secret-id auth/jwt-public";

-- Converts the table of the Flask service, user(id, email, password), to the table of
-- init.sql. Ids and data are kept, and no user becomes an administrator: an existing column
-- `admin` is kept if its type is a whole number; otherwise it is renamed to
-- `admin_before_upgrade`, and a new one is FALSE for all users. It may be repeated. An
-- administrator runs it, after a backup:
--
--   mysql -u root -p auth < docs/upgrade-from-flask.sql
--
-- It is one ALTER TABLE: if it fails, nothing has changed. "Duplicate entry" means that
-- two e-mails differ only in case, accents or trailing blanks. Remove one of each pair
-- (MariaDB's message may have another e-mail):
--
--   SELECT CONVERT(email USING utf8mb4) COLLATE utf8mb4_general_ci AS address,
--          GROUP_CONCAT(id) FROM user GROUP BY address HAVING COUNT(*) > 1;
--
-- Passwords stay in plain text until `auth-admin upgrade-plaintext` has hashed them.

-- Strict: values that do not fit are refused, not truncated. And an id of 0 stays 0.
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';

-- MySQL has no ADD COLUMN IF NOT EXISTS, so the statement is built from the missing
-- columns.
SELECT CONCAT('ALTER TABLE user
  MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  MODIFY email VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  MODIFY password VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,',
  IF(SUM(column_name = 'admin' AND data_type NOT IN
    ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'bit')), '
  RENAME COLUMN admin TO admin_before_upgrade,', ''),
  IF(SUM(column_name = 'admin' AND data_type IN
    ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'bit')), '', '
  ADD admin BOOLEAN NOT NULL DEFAULT FALSE,'),
  IF(SUM(column_name = 'created_at'), '', '
  ADD created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,'),
  IF(SUM(column_name = 'updated_at'), '', '
  ADD updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,'),
  IF(SUM(column_name = 'email' AND column_key = 'UNI'), '', '
  ADD UNIQUE (email),'), '
  ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci')
INTO @upgrade
FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'user';

PREPARE upgrade FROM @upgrade;
EXECUTE upgrade;
DEALLOCATE PREPARE upgrade;

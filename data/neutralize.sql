-- This file also meets databases of earlier versions: what not all of them have is looked for first.
DO $$
DECLARE
    place record;
BEGIN
    -- passwords, and whatever else is stored encrypted, of accounts and assistants
    FOR place IN
        SELECT c.relname, a.attname
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid
         WHERE c.relkind IN ('r', 'p')
           AND c.relnamespace = current_schema()::regnamespace
           AND c.relname ~ '^email_'
           AND a.attnum > 0
           AND NOT a.attisdropped
           AND a.attname ~ '(_encrypted|password_date)$'
    LOOP
        EXECUTE format('UPDATE %I SET %I = NULL WHERE %2$I IS NOT NULL', place.relname, place.attname);
    END LOOP;
    -- hashes of mailboxes that refused a login
    IF to_regclass('email_account_refusal') IS NOT NULL THEN
        DELETE FROM email_account_refusal;
    END IF;
    -- what a server said about the real mailbox
    IF EXISTS (
        SELECT FROM pg_attribute
         WHERE attrelid = 'email_account'::regclass AND attname = 'last_error_details' AND NOT attisdropped
    ) THEN
        UPDATE email_account SET last_error_details = NULL WHERE last_error_details IS NOT NULL;
    END IF;
END
$$;

-- accounts: off, and to be checked before they are used
UPDATE email_account
   SET active = false,
       state = 'draft',
       last_error = NULL;

-- the servers derived from them
UPDATE ir_mail_server
   SET active = false,
       smtp_pass = NULL
 WHERE email_account_id IS NOT NULL;
UPDATE fetchmail_server
   SET active = false,
       state = 'draft',
       password = NULL
 WHERE email_account_id IS NOT NULL;

-- scheduled actions, duplicates of them and others that use email accounts
UPDATE ir_cron
   SET active = false
 WHERE ir_actions_server_id IN (
       SELECT action.id
         FROM ir_act_server action
         LEFT JOIN ir_model model ON model.id = action.model_id
        WHERE model.model LIKE 'email.account%'
           OR action.code LIKE '%email.account%'
);

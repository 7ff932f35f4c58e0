-- Mails on their way to an SMTP server: whole, wrapped, and gone when the server has them.
CREATE TABLE mail (
    mail_id BYTEA PRIMARY KEY,
    put_us  BIGINT NOT NULL,
    next_us BIGINT NOT NULL,
    tries   BIGINT NOT NULL,
    sealed  BYTEA NOT NULL
);
CREATE INDEX mail_by_next ON mail (next_us);

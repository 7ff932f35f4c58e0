-- Mails on their way to an SMTP server: whole, wrapped, and gone when the server has them.
CREATE TABLE mail (
    mail_id BLOB PRIMARY KEY,
    put_us  INTEGER NOT NULL,
    next_us INTEGER NOT NULL,
    tries   INTEGER NOT NULL,
    sealed  BLOB NOT NULL
);
CREATE INDEX mail_by_next ON mail (next_us);

-- Sign-ins at pages (catalog/sign_ins.py): each ends with its key.

CREATE TABLE sign_in (
    hash       {text} PRIMARY KEY,
    key_name   {text} NOT NULL REFERENCES api_key (name) ON DELETE CASCADE,
    created    {int} NOT NULL,
    last_used  {int} NOT NULL
) {clustered};
CREATE INDEX sign_in_by_key ON sign_in (key_name);

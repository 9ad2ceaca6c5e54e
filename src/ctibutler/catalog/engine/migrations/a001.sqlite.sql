-- The words of name and description, ready made (catalog/text.py): the engines split and stem nothing.

CREATE VIRTUAL TABLE text_index USING fts5 (
    name, description, content = '', contentless_delete = 1, tokenize = 'ascii', detail = 'column'
);

-- The catalogue: releases, objects, relationships, links, jobs, keys.

CREATE TABLE catalogue (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    revision   {int} NOT NULL,
    contract   {text} NOT NULL DEFAULT '',
    stemmer    {text} NOT NULL DEFAULT ''
);
INSERT INTO catalogue (one, revision) VALUES (1, 1);

CREATE TABLE word (
    word_key   {int} PRIMARY KEY,
    word       {text} NOT NULL UNIQUE
);

CREATE TABLE release (
    release_key    {int} PRIMARY KEY,
    knowledge_base {text} NOT NULL,
    label          {text} NOT NULL,
    sort_key       {text} NOT NULL,
    latest         INTEGER NOT NULL DEFAULT 0,
    source         {text} NOT NULL,
    location       {text} NOT NULL,
    file_name      {text} NOT NULL,
    size           {int} NOT NULL,
    sha256         {text} NOT NULL,
    converter      {text},
    bundle_id      {text} NOT NULL,
    digest         {text} NOT NULL,
    facts          {text} NOT NULL,
    ignore_embedded     INTEGER NOT NULL DEFAULT 0,
    ignore_embedded_sro INTEGER NOT NULL DEFAULT 0,
    ignore_embedded_smo INTEGER NOT NULL DEFAULT 0,
    mapping        {blob},
    installed_at   {int} NOT NULL,
    job_id         {text},
    UNIQUE (knowledge_base, sort_key)
);

CREATE TABLE offer (
    knowledge_base {text} NOT NULL,
    label          {text} NOT NULL,
    sort_key       {text} NOT NULL,
    source         {text} NOT NULL,
    location       {text} NOT NULL,
    size           {int},
    seen_at        {int} NOT NULL,
    PRIMARY KEY (knowledge_base, sort_key, source)
);

CREATE TABLE identifier (
    identifier_key {int} PRIMARY KEY,
    stix_id        {text} NOT NULL UNIQUE
);

CREATE TABLE object (
    object_key     {int} PRIMARY KEY,
    base_key       {int} NOT NULL,
    identifier_key {int} NOT NULL,
    type_key       {int} NOT NULL,
    digest         {blob} NOT NULL,
    created        {int},
    modified       {int},
    revoked        INTEGER NOT NULL,
    deprecated     INTEGER NOT NULL,
    listed         INTEGER NOT NULL,
    subtechnique   INTEGER NOT NULL,
    creator_key    {int},
    public         INTEGER NOT NULL,
    name           {text},
    external_id    {text},
    found_by       {text},
    id_order       {text}
);
CREATE INDEX object_by_identifier ON object (identifier_key);
CREATE INDEX object_by_external_id ON object (found_by) WHERE found_by IS NOT NULL;

CREATE TABLE dictionary (
    dictionary_key {int} PRIMARY KEY,
    base_key       {int} NOT NULL,
    content        {blob} NOT NULL
);

CREATE TABLE body (
    object_key     {int} PRIMARY KEY,
    dictionary_key {int} NOT NULL,
    content        {blob} NOT NULL
);

CREATE TABLE head (
    object_key {int} PRIMARY KEY,
    content    {blob} NOT NULL
);

CREATE TABLE member (
    release_key {int} NOT NULL,
    type_key    {int} NOT NULL,
    object_key  {int} NOT NULL,
    position    {int} NOT NULL,
    repeat      INTEGER NOT NULL,
    PRIMARY KEY (release_key, type_key, object_key)
) {clustered};
CREATE INDEX member_by_object ON member (object_key, release_key);

CREATE TABLE relationship (
    object_key {int} PRIMARY KEY,
    source_key {int} NOT NULL,
    target_key {int} NOT NULL,
    kind_key   {int} NOT NULL
);
CREATE INDEX relationship_by_source ON relationship (source_key);
CREATE INDEX relationship_by_target ON relationship (target_key);

CREATE TABLE reference (
    reference_key {int} PRIMARY KEY,
    source_key    {int} NOT NULL,
    kind_key      {int} NOT NULL,
    target_key    {int} NOT NULL,
    uuid          {blob} NOT NULL
);
CREATE INDEX reference_by_source ON reference (source_key);
CREATE INDEX reference_by_target ON reference (target_key);
CREATE INDEX reference_by_uuid ON reference (substr(uuid, 1, 6));

CREATE TABLE object_reference (
    object_key    {int} NOT NULL,
    reference_key {int} NOT NULL,
    PRIMARY KEY (object_key, reference_key)
) {clustered};

CREATE TABLE field (
    object_key {int} NOT NULL,
    name_key   {int} NOT NULL,
    value      {text} NOT NULL,
    PRIMARY KEY (object_key, name_key, value)
) {clustered};

CREATE TABLE exact_name (
    value      {text} NOT NULL,
    object_key {int} NOT NULL,
    rank       INTEGER NOT NULL,
    PRIMARY KEY (value, object_key, rank)
) {clustered};

CREATE TABLE link_set (
    set_key       {int} PRIMARY KEY,
    mode          {text} NOT NULL,
    owner_release {int} NOT NULL,
    other_release {int} NOT NULL,
    owner_shows   INTEGER NOT NULL DEFAULT 0,
    other_shows   INTEGER NOT NULL DEFAULT 0,
    made_at       {int} NOT NULL,
    UNIQUE (mode, owner_release, other_release)
);

CREATE TABLE link (
    link_key       {int} PRIMARY KEY,
    set_key        {int} NOT NULL,
    embedded       INTEGER NOT NULL,
    identifier_key {int} NOT NULL,
    source_key     {int} NOT NULL,
    target_key     {int} NOT NULL,
    kind_key       {int} NOT NULL,
    source_release {int} NOT NULL,
    target_release {int} NOT NULL,
    created        {int},
    modified       {int},
    dictionary_key {int} NOT NULL,
    content        {blob} NOT NULL
);
CREATE INDEX link_by_set ON link (set_key);
CREATE INDEX link_by_identifier ON link (identifier_key);
CREATE INDEX link_by_source ON link (source_key);
CREATE INDEX link_by_target ON link (target_key);

CREATE TABLE job (
    job_id         {text} PRIMARY KEY,
    type           {text} NOT NULL,
    variant        {text} NOT NULL,
    knowledge_base {text},
    sort_key       {text},
    state          {text} NOT NULL,
    parameters     {text} NOT NULL,
    options        {text} NOT NULL,
    errors         {text} NOT NULL,
    progress       {text} NOT NULL,
    created        {int} NOT NULL,
    completed      {int},
    lease_until    {int},
    lease_holder   {text},
    attempts       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_by_state ON job (state, created);

CREATE TABLE worker (
    worker_id {text} PRIMARY KEY,
    seen_at   {int} NOT NULL
);

CREATE TABLE api_key (
    name       {text} PRIMARY KEY,
    hash       {text} NOT NULL UNIQUE,
    can_write  INTEGER NOT NULL,
    created    {int} NOT NULL,
    last_used  {int}
);

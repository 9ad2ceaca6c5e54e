"""The details of CWE entries: the fields that their STIX objects do not contain."""

from __future__ import annotations

from ctibutler.knowledge_bases.declaration import DetailField


def _text(name: str, description: str) -> DetailField:
    return DetailField(name, description)


def _texts(name: str, description: str) -> DetailField:
    return DetailField(name, description, many=True)


def _record(name: str, description: str, *fields: DetailField) -> DetailField:
    return DetailField(name, description, fields=fields)


def _records(name: str, description: str, *fields: DetailField) -> DetailField:
    return DetailField(name, description, fields=fields, many=True)


_REFERENCES = _records(
    "references",
    "Publications, as the bibliography of CWE describes them.",
    _text("reference_id", "Number in the bibliography: `REF-44`."),
    _text("section", "Where in the publication: chapter, page."),
    _texts("authors", "Who wrote it."),
    _text("title", "Its title."),
    _text("edition", "Which edition."),
    _text("publication", "The journal, proceedings or site it is part of."),
    _text("publication_date", "Its day, month or year: `2003-05-12`, `2003-05`, `2003`."),
    _text("publisher", "Who published it."),
    _text("url", "Address on the web."),
    _text("url_date", "Day on which the address was last looked at."),
)

CWE_DETAILS = (
    _text("abstraction", "How general a weakness is: Pillar, Class, Base, Variant or Compound."),
    _text("structure", "Simple, or built of others: Chain, Composite."),
    _text("type", "Kind of a view: Graph, Explicit or Implicit."),
    _text("status", "How mature an entry is: Incomplete, Draft, Usable, Stable, Obsolete or Deprecated."),
    _text("summary", "What a category is about."),
    _text("objective", "What a view is for."),
    _records(
        "audience",
        "Whom a view is for.",
        _text("type", "Kind of reader."),
        _text("description", "What they may use it for."),
    ),
    _records(
        "members",
        "Entries in a category or view, those included that are no objects of the release.",
        _text("cwe_id", "The member."),
        _text("view_id", "The view in which it is one."),
    ),
    _records(
        "related_weaknesses",
        "Other weaknesses and how they relate, once for each view that says so.",
        _text("nature", "ChildOf, PeerOf, CanPrecede, CanAlsoBe, Requires, StartsWith …"),
        _text("cwe_id", "The other weakness."),
        _text("view_id", "The view in which this holds."),
        _text("ordinal", "Primary where it is the first of its nature in the view."),
        _text("chain_id", "The chain that this is a link of."),
    ),
    _records(
        "weakness_ordinalities",
        "Whether a weakness stands at the root of a fault.",
        _text("ordinality", "Primary, Resultant or Indirect."),
        _text("description", "In which circumstances."),
    ),
    _records(
        "applicable_platforms",
        "Where a weakness may occur.",
        _text("kind", "language, operating_system, architecture or technology."),
        _text("name", "One platform: `PHP`."),
        _text("class", "A group of platforms: `Not Language-Specific`, `Web Based`."),
        _text("version", "Version of the platform."),
        _text("cpe_id", "Its CPE identifier."),
        _text("prevalence", "How often: Often, Sometimes, Rarely or Undetermined."),
    ),
    _texts("background_details", "What one has to know to understand a weakness."),
    _records(
        "alternate_terms",
        "Other names.",
        _text("term", "The name."),
        _text("description", "Who uses it, and how."),
    ),
    _records(
        "modes_of_introduction",
        "When a weakness gets into a product.",
        _text("phase", "Phase of the product's life."),
        _text("note", "How it happens."),
    ),
    _records(
        "common_consequences",
        "What may come of a weakness.",
        _texts("scopes", "What is harmed: Confidentiality, Integrity, Availability …"),
        _texts("impacts", "How: Read Application Data, Execute Unauthorized Code or Commands …"),
        _text("likelihood", "How likely: High, Medium or Low."),
        _text("note", "In which circumstances."),
    ),
    _records(
        "detection_methods",
        "How a weakness is found.",
        _text("detection_method_id", "Number that entries with the same text share: `DM-3`."),
        _text("method", "Kind of method: Automated Static Analysis, Fuzzing …"),
        _text("description", "How it is done."),
        _text("effectiveness", "How well it works."),
        _text("effectiveness_notes", "Where its limits are."),
    ),
    _records(
        "potential_mitigations",
        "What can be done against a weakness.",
        _text("mitigation_id", "Number that entries with the same text share: `MIT-5`."),
        _texts("phases", "When: Architecture and Design, Implementation, Operation …"),
        _text("strategy", "Kind of measure: Input Validation, Sandbox or Jail …"),
        _text("description", "What to do."),
        _text("effectiveness", "How well it works."),
        _text("effectiveness_notes", "Where its limits are."),
    ),
    _records(
        "demonstrative_examples",
        "Examples with code, explained.",
        _text("demonstrative_example_id", "Number that entries with the same example share: `DX-33`."),
        _text("intro_text", "What the example is about."),
        _records(
            "parts",
            "Explanations and code, in their order.",
            _text("text", "An explanation."),
            _text("code", "Code, with its line breaks."),
            _text("nature", "What the code shows: Bad, Good, Attack, Mitigation, Informative or Result."),
            _text("language", "Its programming language."),
        ),
        _REFERENCES,
    ),
    _records(
        "observed_examples",
        "Vulnerabilities of real products.",
        _text("reference", "The vulnerability, by its CVE id: `CVE-2022-30267`."),
        _text("description", "What went wrong."),
        _text("link", "Where it is described."),
    ),
    _texts("functional_areas", "Parts of a product in which a weakness is likely: Authentication, Power …"),
    _texts("affected_resources", "What a weakness acts on: Memory, File or Directory …"),
    _records(
        "taxonomy_mappings",
        "What other taxonomies call an entry.",
        _text("taxonomy_name", "The taxonomy."),
        _text("entry_id", "The id there."),
        _text("entry_name", "The name there."),
        _text("mapping_fit", "How exactly both agree."),
    ),
    _REFERENCES,
    _record(
        "mapping_notes",
        "Whether an entry should be named as the cause of a vulnerability.",
        _text("usage", "Allowed, Allowed-with-Review, Discouraged or Prohibited."),
        _text("rationale", "Why."),
        _text("comments", "What to mind."),
        _texts("reasons", "Why, in words that are the same everywhere: Acceptable-Use, Abstraction, Category …"),
        _records(
            "suggestions",
            "Entries that may fit better.",
            _text("cwe_id", "The entry."),
            _text("comment", "When it does."),
        ),
    ),
    _records(
        "notes",
        "Remarks of the editors.",
        _text("type", "What the remark is about: Maintenance, Relationship, Terminology …"),
        _text("text", "The remark."),
    ),
    _record(
        "content_history",
        "How an entry came about.",
        *(
            _records(
                name,
                description,
                *((_text("type", "Kind of contribution: Content, Feedback."),) if name == "contributions" else ()),
                _text("name", "Who."),
                _text("organization", "Of which organisation."),
                _text("date", "On which day."),
                _text("version", "Release of CWE."),
                _text("release_date", "Day of that release."),
                *((_text("importance", "Normal or Critical."),) if name == "modifications" else ()),
                _text("comment", "What was done."),
            )
            for name, description in (
                ("submissions", "Who proposed it."),
                ("modifications", "Changes, in their order."),
                ("contributions", "Who else helped."),
            )
        ),
        _records(
            "previous_entry_names",
            "Earlier names.",
            _text("name", "The name."),
            _text("date", "Day on which it was given up."),
            _text("version", "Release of CWE in which it was given up."),
        ),
    ),
    _records(
        "memberships",
        "Categories and views that name an entry as a member.",
        _text("cwe_id", "The category or view."),
        _text("view_id", "The view in which it is one."),
    ),
)

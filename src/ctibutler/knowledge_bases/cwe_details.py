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
    "Publications, as described in CWE's bibliography.",
    _text("reference_id", "Number in the bibliography, such as `REF-44`."),
    _text("section", "Chapter or page of the publication."),
    _texts("authors", "Authors."),
    _text("title", "Title."),
    _text("edition", "Edition."),
    _text("publication", "Journal, proceedings or website that contains it."),
    _text("publication_date", "Date, month or year, such as `2003-05-12`, `2003-05` or `2003`."),
    _text("publisher", "Publisher."),
    _text("url", "URL."),
    _text("url_date", "Date on which the URL was last checked."),
)

CWE_DETAILS = (
    _text("abstraction", "Level of abstraction of a weakness: Pillar, Class, Base, Variant or Compound."),
    _text("structure", "Simple, or a combination of other weaknesses: Chain or Composite."),
    _text("type", "Kind of view: Graph, Explicit or Implicit."),
    _text("status", "Maturity of an entry: Incomplete, Draft, Usable, Stable, Obsolete or Deprecated."),
    _text("summary", "Summary of a category."),
    _text("objective", "Purpose of a view."),
    _records(
        "audience",
        "Intended readers of a view.",
        _text("type", "Kind of reader."),
        _text("description", "How they can use the view."),
    ),
    _records(
        "members",
        "Entries in a category or view, including those that are not objects of the release.",
        _text("cwe_id", "The member."),
        _text("view_id", "The view in which it is a member."),
    ),
    _records(
        "related_weaknesses",
        "Related weaknesses, once for each view that contains the relationship.",
        _text(
            "nature", "Kind of relationship, such as ChildOf, PeerOf, CanPrecede, CanAlsoBe, Requires or StartsWith."
        ),
        _text("cwe_id", "The other weakness."),
        _text("view_id", "The view that contains the relationship."),
        _text("ordinal", "Primary if it is the main relationship of its nature in the view."),
        _text("chain_id", "The chain that the relationship is part of."),
    ),
    _records(
        "weakness_ordinalities",
        "Whether a weakness is the root cause of a fault.",
        _text("ordinality", "Primary, Resultant or Indirect."),
        _text("description", "Circumstances."),
    ),
    _records(
        "applicable_platforms",
        "Platforms on which a weakness can occur.",
        _text("kind", "Kind of platform: language, operating_system, architecture or technology."),
        _text("name", "A single platform, such as `PHP`."),
        _text("class", "A class of platforms, such as `Not Language-Specific` or `Web Based`."),
        _text("version", "Version of the platform."),
        _text("cpe_id", "CPE identifier of the platform."),
        _text("prevalence", "How often it occurs: Often, Sometimes, Rarely or Undetermined."),
    ),
    _texts("background_details", "Background that helps to understand a weakness."),
    _records(
        "alternate_terms",
        "Alternative names.",
        _text("term", "The name."),
        _text("description", "Who uses the name, and how."),
    ),
    _records(
        "modes_of_introduction",
        "When a weakness is introduced into a product.",
        _text("phase", "Phase of the product's life cycle."),
        _text("note", "How it is introduced."),
    ),
    _records(
        "common_consequences",
        "Consequences of a weakness.",
        _texts("scopes", "What is affected, such as Confidentiality, Integrity or Availability."),
        _texts("impacts", "The effect, such as Read Application Data."),
        _text("likelihood", "Likelihood: High, Medium or Low."),
        _text("note", "Circumstances."),
    ),
    _records(
        "detection_methods",
        "Methods that detect a weakness.",
        _text("detection_method_id", "Number shared by entries with the same text, such as `DM-3`."),
        _text("method", "Kind of method, such as Automated Static Analysis or Fuzzing."),
        _text("description", "How the method works."),
        _text("effectiveness", "How effective it is."),
        _text("effectiveness_notes", "Its limitations."),
    ),
    _records(
        "potential_mitigations",
        "Mitigations of a weakness.",
        _text("mitigation_id", "Number shared by entries with the same text, such as `MIT-5`."),
        _texts("phases", "When to apply it, such as Architecture and Design, Implementation or Operation."),
        _text("strategy", "Kind of mitigation, such as Input Validation or Sandbox or Jail."),
        _text("description", "What to do."),
        _text("effectiveness", "How effective it is."),
        _text("effectiveness_notes", "Its limitations."),
    ),
    _records(
        "demonstrative_examples",
        "Code examples with explanations.",
        _text("demonstrative_example_id", "Number shared by entries with the same example, such as `DX-33`."),
        _text("intro_text", "Introduction to the example."),
        _records(
            "parts",
            "Explanations and code, in order.",
            _text("text", "An explanation."),
            _text("code", "Code, with line breaks."),
            _text("nature", "What the code shows: Bad, Good, Attack, Mitigation, Informative or Result."),
            _text("language", "Programming language of the code."),
        ),
        _REFERENCES,
    ),
    _records(
        "observed_examples",
        "Vulnerabilities in real products.",
        _text("reference", "CVE id of the vulnerability, such as `CVE-2022-30267`."),
        _text("description", "Description of the vulnerability."),
        _text("link", "URL with more information."),
    ),
    _texts("functional_areas", "Parts of a product in which a weakness is likely, such as Authentication or Power."),
    _texts("affected_resources", "Resources that a weakness affects, such as Memory or File or Directory."),
    _records(
        "taxonomy_mappings",
        "Corresponding entries in other taxonomies.",
        _text("taxonomy_name", "The taxonomy."),
        _text("entry_id", "Id of the entry in the taxonomy."),
        _text("entry_name", "Name of the entry in the taxonomy."),
        _text("mapping_fit", "How well both entries match."),
    ),
    _REFERENCES,
    _record(
        "mapping_notes",
        "Whether vulnerabilities should be mapped to this entry.",
        _text("usage", "Allowed, Allowed-with-Review, Discouraged or Prohibited."),
        _text("rationale", "The reason."),
        _text("comments", "Further advice."),
        _texts("reasons", "The reason as standard terms, such as Acceptable-Use, Abstraction or Category."),
        _records(
            "suggestions",
            "Entries that may be a better match.",
            _text("cwe_id", "The entry."),
            _text("comment", "When it is a better match."),
        ),
    ),
    _records(
        "notes",
        "Notes by the editors.",
        _text("type", "Kind of note, such as Maintenance, Relationship or Terminology."),
        _text("text", "The note."),
    ),
    _record(
        "content_history",
        "History of an entry.",
        *(
            _records(
                name,
                description,
                *((_text("type", "Kind of contribution: Content or Feedback."),) if name == "contributions" else ()),
                _text("name", "Name of the person."),
                _text("organization", "Organisation of the person."),
                _text("date", "Date."),
                _text("version", "CWE release."),
                _text("release_date", "Date of that release."),
                *((_text("importance", "Normal or Critical."),) if name == "modifications" else ()),
                _text("comment", "What was done."),
            )
            for name, description in (
                ("submissions", "Who submitted the entry."),
                ("modifications", "Changes, in order."),
                ("contributions", "Other contributors."),
            )
        ),
        _records(
            "previous_entry_names",
            "Previous names.",
            _text("name", "The name."),
            _text("date", "Date on which the name was changed."),
            _text("version", "CWE release in which the name was changed."),
        ),
    ),
    _records(
        "memberships",
        "Categories and views that have the entry as a member.",
        _text("cwe_id", "The category or view."),
        _text("view_id", "The view in which it is a member."),
    ),
)

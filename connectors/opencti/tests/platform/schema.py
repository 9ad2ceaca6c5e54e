"""Facts about OpenCTI's GraphQL schema: the types, fields and arguments that connectors and workers use.

Every document that reaches the stand-in is validated against these facts, and every answer takes its shape from them.
`name: Type@version` is a field that the platform has since that version.
"""

import re
from functools import cache

from graphql import GraphQLSchema, build_schema

_COMMON = """
  stix_id: StixId, x_opencti_stix_ids: [StixId], confidence: Int, revoked: Boolean, lang: String, createdBy: String,
  objectMarking: [String], objectLabel: [String], externalReferences: [String], created: DateTime, modified: DateTime,
  x_opencti_modified_at: DateTime, x_opencti_workflow_id: String, clientMutationId: String, update: Boolean,
  upsertOperations: [EditInput!]@6.9.0, customFieldValues: [CustomFieldValueInput!]@7.260817.0
"""
_FILES = """
  file: Upload, files: [Upload]@6.9.0, filesMarkings: [[String]]@6.9.0, noTriggerImport: Boolean@6.9.0,
  embedded: Boolean@6.9.0, fileMarkings: [String]
"""
_ENTITY = f"{_COMMON}, {_FILES}, name: String!, description: String"
_SHARED = f"{_ENTITY}, objectOrganization: [String]"
_IDENTITY = f"{_SHARED}, contact_information: String, roles: [String], x_opencti_aliases: [String]"
_CVSS = ", ".join(
    f"x_opencti_cvss_{name}: {kind}@{since}"
    for since, kind, names in (
        (
            "6.5.0",
            "Float",
            "base_score v2_base_score v2_temporal_score v4_base_score temporal_score",
        ),
        (
            "6.5.0",
            "String",
            "attack_complexity attack_vector availability_impact base_severity confidentiality_impact "
            "exploit_code_maturity integrity_impact privileges_required remediation_level report_confidence scope "
            "user_interaction vector_string v2_access_complexity v2_access_vector v2_authentication "
            "v2_availability_impact v2_confidentiality_impact v2_exploitability v2_integrity_impact "
            "v2_remediation_level v2_report_confidence v2_vector_string v4_attack_complexity v4_attack_requirements "
            "v4_attack_vector v4_availability_impact_s v4_availability_impact_v v4_base_severity "
            "v4_confidentiality_impact_s v4_confidentiality_impact_v v4_exploit_maturity v4_integrity_impact_s "
            "v4_integrity_impact_v v4_privileges_required v4_user_interaction v4_vector_string",
        ),
    )
    for name in names.split()
)

INPUTS = {
    "RegisterConnectorInput": """
      id: ID!, name: String!, type: ConnectorType!, scope: [String!], auto: Boolean, only_contextual: Boolean,
      playbook_compatible: Boolean, listen_callback_uri: String@6.5.7, auto_update: Boolean@6.8.9,
      enrichment_resolution: String@6.8.9, xtm_one_intent: String@7.260529.0, version: String@7.261008.0,
      slug: String@7.261008.0""",
    "ConnectorInfoInput": """
      run_and_terminate: Boolean!, buffering: Boolean!, queue_threshold: Float!, queue_messages_size: Float!,
      next_run_datetime: DateTime, last_run_datetime: DateTime""",
    "WorkErrorInput": "error: String, source: String",
    "EditInput": "key: String!, value: [Any], operation: String, object_path: String",
    "CustomFieldValueInput": "field_name: String!, value: Any",
    "FilterGroup": "mode: FilterMode!, filters: [Filter!]!, filterGroups: [FilterGroup!]!",
    "Filter": "key: [String!]!, values: [Any!]!, operator: String, mode: FilterMode",
    "LabelAddInput": """
      stix_id: StixId, x_opencti_stix_ids: [StixId], value: String!, color: String, created: DateTime,
      modified: DateTime, x_opencti_modified_at: DateTime, clientMutationId: String, update: Boolean""",
    "KillChainPhaseAddInput": """
      stix_id: StixId, x_opencti_stix_ids: [StixId], kill_chain_name: String!, phase_name: String!,
      x_opencti_order: Int!, created: DateTime, modified: DateTime, x_opencti_modified_at: DateTime,
      clientMutationId: String, update: Boolean""",
    "ExternalReferenceAddInput": f"""
      {_FILES}, stix_id: StixId, x_opencti_stix_ids: [StixId], source_name: String!, description: String, url: String,
      hash: String, external_id: String, created: DateTime, modified: DateTime, x_opencti_modified_at: DateTime,
      clientMutationId: String, update: Boolean""",
    "VocabularyAddInput": """
      stix_id: StixId, x_opencti_stix_ids: [StixId], name: String!, description: String,
      category: VocabularyCategory!, order: Int, created: DateTime, modified: DateTime, aliases: [String!],
      update: Boolean""",
    "MarkingDefinitionAddInput": """
      stix_id: StixId, x_opencti_stix_ids: [StixId], definition_type: String!, definition: String!,
      x_opencti_order: Int!, x_opencti_color: String, created: DateTime, modified: DateTime,
      x_opencti_modified_at: DateTime, clientMutationId: String, update: Boolean""",
    "AttackPatternAddInput": f"""
      {_SHARED}, aliases: [String], x_mitre_platforms: [String!], x_mitre_permissions_required: [String],
      x_mitre_detection: String, x_mitre_id: String, killChainPhases: [String]""",
    "CampaignAddInput": f"""
      {_SHARED}, aliases: [String], first_seen: DateTime, last_seen: DateTime, objective: String,
      objectAssignee: [String]""",
    "CourseOfActionAddInput": f"""
      {_SHARED}, x_opencti_aliases: [String], x_mitre_id: String, x_opencti_threat_hunting: String,
      x_opencti_log_sources: [String]""",
    "IntrusionSetAddInput": f"""
      {_SHARED}, aliases: [String], first_seen: DateTime, last_seen: DateTime, goals: [String], resource_level: String,
      primary_motivation: String, secondary_motivations: [String], objectAssignee: [String],
      x_opencti_score: Int@7.260817.0""",
    "MalwareAddInput": f"""
      {_SHARED}, aliases: [String], malware_types: [String], is_family: Boolean, first_seen: DateTime,
      last_seen: DateTime, architecture_execution_envs: [String], implementation_languages: [String],
      capabilities: [String], killChainPhases: [String], samples: [String], x_opencti_score: Int@7.260817.0""",
    "ToolAddInput": f"""
      {_SHARED}, aliases: [String], tool_types: [String], tool_version: String, killChainPhases: [String]""",
    "VulnerabilityAddInput": f"""
      {_SHARED}, {_CVSS}, x_opencti_aliases: [String], x_opencti_cisa_kev: Boolean, x_opencti_cwe: [String],
      x_opencti_epss_percentile: Float, x_opencti_epss_score: Float, x_opencti_score: Int,
      x_opencti_first_seen_active: DateTime, x_opencti_ssvc_automatable: String@7.260817.0,
      x_opencti_ssvc_exploitation: String@7.260817.0, x_opencti_ssvc_technical_impact: String@7.260817.0""",
    "DataSourceAddInput": f"""
      {_SHARED}, aliases: [String], x_mitre_platforms: [String!], collection_layers: [String!],
      dataComponents: [String]""",
    "DataComponentAddInput": f"{_SHARED}, aliases: [String], dataSource: String",
    "OrganizationAddInput": f"""
      {_IDENTITY}, x_opencti_organization_type: String, x_opencti_reliability: String, x_opencti_score: Int@6.9.0""",
    "SystemAddInput": f"""
      {_IDENTITY}, x_opencti_firstname: String, x_opencti_lastname: String, x_opencti_reliability: String""",
    "IndividualAddInput": f"""
      {_IDENTITY}, x_opencti_firstname: String, x_opencti_lastname: String, x_opencti_reliability: String""",
    "IdentityAddInput": f"""
      {_ENTITY}, type: String!, contact_information: String, roles: [String], x_opencti_aliases: [String]""",
    "LocationAddInput": f"""
      {_ENTITY}, type: String!, latitude: Float, longitude: Float, precision: Float, x_opencti_aliases: [String]""",
    "GroupingAddInput": f"""
      {_SHARED}, context: String!, content: String, objects: [String], x_opencti_aliases: [String]""",
    "StixCoreRelationshipAddInput": f"""
      {_COMMON}, fromId: StixRef!, toId: StixRef!, relationship_type: String!, description: String,
      start_time: DateTime, stop_time: DateTime, objectOrganization: [String], killChainPhases: [String],
      coverage_information: [Any!]@6.9.0, external_uri: String@7.260817.0""",
}
"""Input types. `!` marks what is required."""

ENTITIES = {
    "AttackPattern": "aliases: [String], x_mitre_id: String",
    "Campaign": "aliases: [String]",
    "CourseOfAction": "x_opencti_aliases: [String], x_mitre_id: String",
    "IntrusionSet": "aliases: [String]",
    "Malware": "aliases: [String]",
    "Tool": "aliases: [String]",
    "Vulnerability": "x_opencti_aliases: [String]",
    "DataSource": "aliases: [String]",
    "DataComponent": "aliases: [String]",
    "Grouping": "context: String!",
    "Organization": "Identity",
    "Sector": "Identity",
    "System": "Identity",
    "Individual": "Identity",
    "Country": "Location",
    "Region": "Location",
    "City": "Location",
    "AdministrativeArea": "Location",
    "Position": "Location",
}
"""Types of entities with the fields that are read; `Identity` and `Location` are interfaces."""

_BASIC = "id: ID!, standard_id: String!, entity_type: String!, parent_types: [String]!"
_STIX = f"{_BASIC}, x_opencti_stix_ids: [StixId], created_at: DateTime!, updated_at: DateTime!"
_CORE = f"{_STIX}, representative: Representative!, createdBy: Identity"
_DOMAIN = f"{_CORE}, revoked: Boolean!, confidence: Int, lang: String, created: DateTime, modified: DateTime"
_META = f"{_STIX}, created: DateTime, modified: DateTime"
_ALIASED = f"{_DOMAIN}, name: String!, description: String, x_opencti_aliases: [String]"

_PAGE = "first: Int, after: ID, orderMode: OrderingMode, search: String, filters: FilterGroup"

QUERIES = f"""
  about: AppInfo
  connector(id: String!): Connector
  isWorkAlive(id: ID!): Boolean
  vocabularyCategories: [VocabularyDefinition!]!
  vocabularies({_PAGE}, category: VocabularyCategory, orderBy: VocabularyOrdering): VocabularyConnection
  labels({_PAGE}, orderBy: LabelsOrdering): LabelConnection
  killChainPhase(id: String!): KillChainPhase
  killChainPhases({_PAGE}, orderBy: KillChainPhasesOrdering): KillChainPhaseConnection
  stixCoreObjects({_PAGE}, types: [String], orderBy: StixCoreObjectsOrdering): StixCoreObjectConnection
  stixCoreRelationships({_PAGE}, orderBy: StixCoreRelationshipsOrdering, fromId: [String], toId: [String],
    fromTypes: [String], toTypes: [String], relationship_type: [String]): StixCoreRelationshipConnection
"""
MUTATIONS = """
  registerConnector(input: RegisterConnectorInput): Connector
  pingConnector(id: ID!, state: String, connectorInfo: ConnectorInfoInput): Connector
  deleteConnector(id: ID!): ID!
  workAdd(connectorId: String!, friendlyName: String, isMultiPartWork: Boolean@7.260422.0): Work!
  workEdit(id: ID!): WorkEditMutations
  stixBundlePush(connectorId: String!, bundle: String!, work_id: String@6.6.0): Boolean
  killChainPhaseEdit(id: ID!): KillChainPhaseEditMutations
  stixCoreObjectEdit(id: ID!): StixCoreObjectEditMutations
  stixCoreRelationshipEdit(id: ID!): StixCoreRelationshipEditMutations
  stixCoreRelationshipAdd(input: StixCoreRelationshipAddInput, reversedReturn: Boolean): StixCoreRelationship
"""
OBJECTS = {
    "AppInfo": "version: String!",
    "Connector": f"""
      {_BASIC}, name: String!, active: Boolean, auto: Boolean, only_contextual: Boolean, connector_type: String,
      connector_scope: [String!], connector_state: String, connector_user_id: ID, connector_info: ConnectorInfo,
      connector_queue_details: ConnectorQueueDetails!, config: ConnectorConfig, built_in: Boolean,
      updated_at: DateTime, created_at: DateTime, jwks: String@7.260224.0""",
    "ConnectorInfo": """
      run_and_terminate: Boolean!, buffering: Boolean!, queue_threshold: Float!, queue_messages_size: Float!,
      next_run_datetime: DateTime, last_run_datetime: DateTime""",
    "ConnectorQueueDetails": "messages_number: Float!, messages_size: Float!",
    "ConnectorConfig": """
      connection: RabbitMQConnection!, s3: S3Connection@6.9.10, listen: String!, listen_routing: String!,
      listen_exchange: String!, listen_callback_uri: String@6.5.7, push: String!, push_routing: String!,
      push_exchange: String!, dead_letter_routing: String!""",
    "RabbitMQConnection": """
      host: String!, vhost: String!, use_ssl: Boolean!, port: Int!, user: String!, pass: String!""",
    "S3Connection": """
      endpoint: String, port: Int, use_ssl: Boolean, bucket_name: String, bucket_region: String, access_key: String,
      secret_key: String""",
    "Work": "id: ID!, name: String",
    "WorkEditMutations": """
      delete: ID!, ping: ID@6.6.0, reportExpectation(error: WorkErrorInput): ID!,
      addExpectations(expectations: Int): ID!, addDraftContext(draftContext: String): ID,
      toReceived(message: String): ID!, toProcessed(message: String, inError: Boolean): ID!""",
    "KillChainPhaseEditMutations": "delete: ID, fieldPatch(input: [EditInput]!): KillChainPhase",
    "StixCoreObjectEditMutations": "delete(forceDelete: Boolean): ID",
    "StixCoreRelationshipEditMutations": "delete: ID",
    "VocabularyDefinition": """
      key: VocabularyCategory!, description: String, entity_types: [String!]!, fields: [VocabularyFieldDefinition!]!""",
    "VocabularyFieldDefinition": "key: String!, required: Boolean!, multiple: Boolean!",
    "Representative": "main: String!, secondary: String",
    "PageInfo": """
      startCursor: String!, endCursor: String!, hasNextPage: Boolean!, hasPreviousPage: Boolean!, globalCount: Int!""",
    "Label": f"implements StixObject: {_META}, value: String, color: String",
    "ExternalReference": f"""implements StixObject:
      {_META}, source_name: String!, description: String, url: String, hash: String, external_id: String""",
    "KillChainPhase": f"""implements StixObject:
      {_META}, kill_chain_name: String!, phase_name: String!, x_opencti_order: Int""",
    "MarkingDefinition": f"implements StixObject: {_META}, definition_type: String, definition: String",
    "Vocabulary": f"""implements StixObject:
      {_META}, category: VocabularyDefinition!, name: String!, description: String, aliases: [String!], order: Int""",
    "StixCoreRelationship": f"""
      {_BASIC}, x_opencti_stix_ids: [StixId], relationship_type: String!, from: StixObjectOrStixRelationshipOrCreator,
      to: StixObjectOrStixRelationshipOrCreator, createdBy: Identity, description: String, start_time: DateTime,
      stop_time: DateTime, revoked: Boolean!, confidence: Int, created: DateTime, modified: DateTime""",
}
VOCABULARIES = {
    "platforms_ov": ("Attack-Pattern Data-Source", "x_mitre_platforms"),
    "permissions_ov": ("Attack-Pattern", "x_mitre_permissions_required"),
    "collection_layers_ov": ("Data-Source", "collection_layers"),
    "malware_type_ov": ("Malware", "malware_types"),
    "malware_capabilities_ov": ("Malware", "capabilities"),
    "implementation_language_ov": ("Malware", "implementation_languages"),
    "processor_architecture_ov": ("Malware", "architecture_execution_envs"),
    "tool_types_ov": ("Tool", "tool_types"),
    "grouping_context_ov": ("Grouping", "context"),
    "attack_resource_level_ov": ("Intrusion-Set Threat-Actor-Group", "resource_level"),
    "attack_motivation_ov": (
        "Intrusion-Set Threat-Actor-Group",
        "primary_motivation secondary_motivations",
    ),
}
"""Vocabularies: the entity types and fields whose words they hold."""

ADD = {
    "attackPatternAdd": "AttackPattern",
    "campaignAdd": "Campaign",
    "courseOfActionAdd": "CourseOfAction",
    "intrusionSetAdd": "IntrusionSet",
    "malwareAdd": "Malware",
    "toolAdd": "Tool",
    "vulnerabilityAdd": "Vulnerability",
    "dataSourceAdd": "DataSource",
    "dataComponentAdd": "DataComponent",
    "groupingAdd": "Grouping",
    "organizationAdd": "Organization",
    "systemAdd": "System",
    "individualAdd": "Individual",
    "identityAdd": "Identity",
    "locationAdd": "Location",
    "labelAdd": "Label",
    "killChainPhaseAdd": "KillChainPhase",
    "externalReferenceAdd": "ExternalReference",
    "vocabularyAdd": "Vocabulary",
    "markingDefinitionAdd": "MarkingDefinition",
}
"""Mutations that create or update: the type that they return. The input type is `<type>AddInput`."""


def entity_type(graphql_type: str) -> str:
    """`Attack-Pattern` for `AttackPattern`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", graphql_type)


@cache
def schema_of(platform_version: str) -> GraphQLSchema:
    """The schema of a platform of this version."""
    return build_schema(
        "\n".join(_definitions(_number(platform_version))), assume_valid=False
    )


def _definitions(version: tuple[int, ...]) -> list[str]:
    def fields(text: str) -> str:
        return _since(text, version)

    connections = (
        "Label",
        "KillChainPhase",
        "Vocabulary",
        "StixCoreObject",
        "StixCoreRelationship",
    )
    enums = (
        "LabelsOrdering",
        "KillChainPhasesOrdering",
        "VocabularyOrdering",
        "StixCoreObjectsOrdering",
    )
    parts = [
        "scalar StixId scalar StixRef scalar DateTime scalar Upload scalar Any",
        "enum FilterMode { and or } enum OrderingMode { asc desc }",
        "enum ConnectorType { EXTERNAL_IMPORT INTERNAL_ENRICHMENT STREAM }",
        f"enum VocabularyCategory {{ {' '.join(VOCABULARIES)} }}",
        *(
            f"enum {name} {{ created }}"
            for name in (*enums, "StixCoreRelationshipsOrdering")
        ),
        f"interface BasicObject {{ {fields(_BASIC)} }}",
        f"interface StixObject {{ {fields(_STIX)} }}",
        f"interface StixCoreObject {{ {fields(_CORE)} }}",
        f"interface StixDomainObject {{ {fields(_DOMAIN)} }}",
        f"interface Identity {{ {fields(_ALIASED)} }}",
        f"interface Location {{ {fields(_ALIASED)} }}",
        f"union StixObjectOrStixRelationshipOrCreator = {' | '.join(ENTITIES)}",
        f"type Query {{ {fields(QUERIES)} }}",
    ]
    adds = "\n".join(
        f"{name}(input: {kind}AddInput!): {kind}" for name, kind in ADD.items()
    )
    parts.append(f"type Mutation {{ {fields(MUTATIONS)} {adds} }}")
    for name, text in INPUTS.items():
        parts.append(f"input {name} {{ {fields(text)} }}")
    for name, text in OBJECTS.items():
        implements, own = ("", text)
        if text.startswith("implements"):
            implements, own = text.split(":", 1)
            implements = implements.replace("implements", "implements BasicObject &")
        parts.append(f"type {name} {implements} {{ {fields(own)} }}")
    for name, text in ENTITIES.items():
        is_interface = text in ("Identity", "Location")
        interfaces = "BasicObject & StixObject & StixCoreObject & StixDomainObject" + (
            f" & {text}" if is_interface else ""
        )
        own = (
            _ALIASED
            if is_interface
            else f"{_DOMAIN}, name: String!, description: String, {text}"
        )
        parts.append(f"type {name} implements {interfaces} {{ {fields(own)} }}")
    for name in connections:
        parts.append(f"type {name}Edge {{ cursor: String! node: {name}! }}")
        parts.append(
            f"type {name}Connection {{ pageInfo: PageInfo! edges: [{name}Edge!]! }}"
        )
    return parts


def _since(text: str, version: tuple[int, ...]) -> str:
    """The fields of `text` that a platform of this version has."""
    return re.sub(
        r"\w+: [\w!\[\]]+@([\d.]+)\d*,?",
        lambda field: (
            "" if _number(field[1]) > version else field[0].replace(f"@{field[1]}", "")
        ),
        text,
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

"""Names that look unused because they are only used outside the code. Vulture reads this file; nothing runs it.

Each line gives the reason, or shares the one above it. `make check` fails on any other unused name.
"""

_.object_marking_refs  # a field that msgspec writes as JSON
_.page_number  # fields of a page, written as JSON
_.page_results_count
_.before_modified
_.after_modified
_.total_results_count
_.comment  # fields of a Navigator layer, written as JSON
_.show_subtechniques
_.gradient
_.colors
_.min_value
_.max_value
_.legend_items
_.color
_.layout
_.show_id
_.show_name
_.expanded_subtechniques
_.__signature__  # `declared` reads both to build the options of a command
_.__annotations__
_.describe  # prometheus_client calls both
_.collect
_.from_environment  # uvicorn loads the application by this name in each process
_.list_commands  # click calls these methods of a group
_.format_commands
_.resolve_command
_.get_completion_args  # click calls this method for completion in a shell
_.changed  # results of an import: callers choose which ones they report
_.new_contents
_.data  # the parameter of a protocol
_.run_until_idle  # tests use these
_.collection_in_index
_.warnings  # for code that reads a bucket
_.select_after  # the keyset form of lists, for exports and TAXII
_.page_number  # fields of answers, written as JSON
_.page_results_count
_.before_modified
_.after_modified
_.total_results_count
_.run_datetime
_.total_objects
_.counts_by_type
_.derived_relationships
_.job_state
_.frozen
_.checked_at
_.completion_time
_.objects_sdos
_.documentation
_.objects_sros
_.objects_smos
_.objects_scos
_.objects_by_knowledge_base
_.store
_.checks
_.itersize  # psycopg reads it: how many rows a server-side cursor fetches at once
_.prepare_threshold  # psycopg reads it
_.evidence_count
_.has_sub
_.data_received  # asyncio, httptools and uvicorn call or read these
_.on_headers_complete
_.total_requests
_.stated_in
_.related
_.buffer_text  # expat reads these
_.StartDoctypeDeclHandler
_.StartElementHandler
_.EndElementHandler
_.CharacterDataHandler
_.NOTES
_.more  # templates of pages read these
_.is_short  # templates of pages read these
_.api_for
_.excerpt
_.language
_.in_latest
_.is_end
_.is_chosen
_.only_context
_.name_text
_.curves
_.is_left
_.band
_.more_angle
_.half
_.curves_left_out
_.nodes_left_out
_.to_label
_.active
_.wide
_.scripts
_.validateLink  # markdown-it calls this method
ROOT_WORDS  # tests compare it with every id
_.vocabulary
_.again
_.normalizeLink  # markdown-it calls these methods, too
_.normalizeLinkText
_.when

"""Names that look unused because something outside the code uses them: vulture reads this file, nothing runs it.

Each line names why. `make check` fails on any other unused name.
"""

_.object_marking_refs  # a field of the JSON that msgspec writes
_.page_number  # these of a page's JSON
_.page_results_count
_.before_modified
_.after_modified
_.total_results_count
_.comment  # and these are fields of a Navigator layer's JSON
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
_.__signature__  # `declared` reads both to build a command's options
_.__annotations__
_.describe  # prometheus_client calls both
_.collect
_.from_environment  # uvicorn loads the application by this name in each worker process
_.list_commands  # click calls these of a group
_.format_commands
_.resolve_command
_.get_completion_args  # click calls this of what speaks with a shell
_.changed  # what an import reports: callers choose what they tell
_.new_contents
_.data  # the parameter of a protocol
_.run_until_idle  # tests run a worker with these
_.collection_in_index
_.warnings  # what a reader of a bucket may look at
_.select_after  # the keyset form of lists, for exports and TAXII
_.page_number  # fields of answers that msgspec writes
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
_.objects_sros
_.objects_smos
_.objects_scos
_.objects_by_knowledge_base
_.store
_.checks
_.itersize  # psycopg reads it: rows a server-side cursor fetches at once

"""What a PostgreSQL server has for functions: each is known to be harmless, or refused.

So a newer server cannot bring one that does something, and nobody notice: whoever raises the
version of the tests' server finds it here.
"""

from collections.abc import Callable

import psycopg
import pytest

from repositories.sql_words import Kind, Token
from services.definitions.doing_functions import find_doing

HARMLESS = frozenset(
    "amvalidate array_sample array_shuffle brin_metapage_info brin_page_items brin_page_type"
    " brin_revmap_data bt_index_check bt_index_parent_check bt_metap bt_multi_page_stats"
    " bt_page_items bt_page_stats clock_timestamp current_query currtid2 currval cursor_to_xml"
    " cursor_to_xmlschema file_fdw_validator fsm_page_contents gen_random_uuid get_raw_page"
    " gin_index_check gin_leafpage_items gin_metapage_info gin_page_opaque_info gist_page_items"
    " gist_page_items_bytea gist_page_opaque_info hash_bitmap_info hash_metapage_info"
    " hash_page_items hash_page_stats hash_page_type heap_page_item_attrs heap_page_items"
    " heap_tuple_infomask_flags lastval lo_get loread normal_rand page_checksum page_header"
    " pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all"
    " pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared"
    " pg_available_wal_summaries pg_blocking_pids pg_buffercache_numa_pages pg_buffercache_pages"
    " pg_buffercache_summary pg_buffercache_usage_counts pg_check_frozen pg_check_visible"
    " pg_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery"
    " pg_control_system pg_current_logfile pg_current_wal_flush_lsn pg_current_wal_insert_lsn"
    " pg_current_wal_lsn pg_database_collation_actual_version pg_database_size pg_export_snapshot"
    " pg_freespace pg_get_aios pg_get_backend_memory_contexts pg_get_loaded_modules"
    " pg_get_logical_snapshot_info pg_get_logical_snapshot_meta pg_get_multixact_members"
    " pg_get_sequence_data pg_get_shmem_allocations pg_get_shmem_allocations_numa"
    " pg_get_wait_events pg_get_wal_block_info pg_get_wal_record_info pg_get_wal_records_info"
    " pg_get_wal_replay_pause_state pg_get_wal_resource_managers pg_get_wal_stats"
    " pg_get_wal_summarizer_state pg_hba_file_rules pg_ident_file_mappings pg_indexes_size"
    " pg_is_in_recovery pg_is_wal_replay_paused pg_isolation_test_session_is_blocked"
    " pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn"
    " pg_last_xact_replay_timestamp pg_lock_status pg_ls_archive_statusdir pg_ls_dir pg_ls_logdir"
    " pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir pg_ls_tmpdir"
    " pg_ls_waldir pg_notification_queue_usage pg_partition_ancestors pg_partition_tree"
    " pg_prepared_xact pg_relation_size pg_relpages pg_safe_snapshot_blocking_pids"
    " pg_sequence_last_value pg_show_all_file_settings pg_show_replication_origin_status pg_sleep"
    " pg_sleep_for pg_sleep_until pg_stat_clear_snapshot pg_stat_file pg_stat_force_next_flush"
    " pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io pg_stat_get_recovery_prefetch"
    " pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls"
    " pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time"
    " pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched"
    " pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted"
    " pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned"
    " pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_stat_statements pg_stat_statements_info"
    " pg_table_size pg_tablespace_size pg_total_relation_size pg_try_advisory_lock"
    " pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared"
    " pg_visibility pg_visibility_map pg_visibility_map_summary pg_wal_summary_contents"
    " pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_xact_status pgrowlocks"
    " pgstatginindex pgstathashindex pgstatindex pgstattuple pgstattuple_approx plpgsql_validator"
    " postgres_fdw_get_connections postgres_fdw_validator random random_normal timeofday"
    " tuple_data_split txid_status uuidv4 uuidv7 verify_heapam".split()
)
"""Of the volatile ones: what they do ends with the transaction, or is given up behind it."""
NOT_VOLATILE_AND_REFUSED = {
    *("connectby", "crosstab", "crosstab2", "crosstab3", "crosstab4", "crosstabn", "xpath_table"),
    *("xslt_process", "pg_replication_origin_oid", "lo_oid"),
}
FUNCTIONS = """
SELECT DISTINCT proname, provolatile = 'v'
  FROM pg_proc
 WHERE prokind IN ('f', 'p') AND 'internal'::regtype <> ALL (proargtypes::oid[])
   AND prorettype <> ALL (ARRAY['trigger', 'event_trigger', 'language_handler', 'fdw_handler',
       'index_am_handler', 'table_am_handler', 'tsm_handler']::regtype[])
"""


@pytest.fixture(scope="module")
def functions(make_database: Callable[..., str]) -> dict[str, bool]:
    """What a statement can call, with all extensions that are there, and whether it is volatile."""
    with psycopg.connect(make_database(), autocommit=True) as connection:
        names = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
        for (name,) in names:
            connection.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}" CASCADE'.encode())
        found: dict[str, bool] = {}
        for name, is_volatile in connection.execute(FUNCTIONS.encode()):
            found[name] = found.get(name, False) or is_volatile
    return found


def is_refused(name: str) -> bool:
    called = [Token(name.upper()), Token("(", Kind.MARK)]
    return find_doing(called, 0) is not None


def test_every_volatile_function_is_known_as_harmless_or_refused(
    functions: dict[str, bool],
) -> None:
    volatile = {name for name, is_volatile in functions.items() if is_volatile}
    assert sorted(name for name in volatile - HARMLESS if not is_refused(name)) == []


def test_no_function_is_refused_that_is_known_as_harmless(functions: dict[str, bool]) -> None:
    assert sorted(name for name in HARMLESS if is_refused(name)) == []
    assert sorted(HARMLESS - functions.keys()) == []


def test_of_the_others_only_those_that_run_texts_are_refused(functions: dict[str, bool]) -> None:
    refused = {name for name in functions if is_refused(name) and not functions[name]}
    assert sorted(refused - NOT_VOLATILE_AND_REFUSED) == []

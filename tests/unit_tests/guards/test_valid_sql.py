"""ValidSQL: one whole statement, and one that only reads unless told otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st
from langchain_core.messages import AIMessage

from langchain_tuned_gemini.guards import ValidSQL

QUERIES = [
    ("sqlite", "SELECT * FROM dogs"),
    ("sqlite", "SELECT * FROM dogs;"),
    ("sqlite", "SELECT * FROM dogs; -- all of them"),
    ("sqlite", "-- all of them\nSELECT * FROM dogs"),
    ("sqlite", "SELECT COUNT(*) FROM dogs WHERE name = 'DROP TABLE dogs; --'"),
    ("sqlite", "VALUES (1), (2)"),
    ("postgres", "(SELECT 1) UNION SELECT 2 ORDER BY 1"),
    ("postgres", "WITH old AS (SELECT * FROM dogs WHERE age > 9) SELECT name FROM old"),
    ("postgres", "SELECT pg_size_pretty(pg_total_relation_size('dogs')), now()"),
    ("postgres", 'SELECT "update", "delete" FROM dogs'),
    ("mysql", "SELECT REPLACE(name, 'a', 'b') FROM `dogs` -- renamed"),
    ("bigquery", "SELECT * FROM `acme.pets.dogs` QUALIFY ROW_NUMBER() OVER (ORDER BY age) = 1"),
    ("bigquery", "SELECT d.a.b.c.utl_x.e.f FROM dogs AS d"),
    ("tsql", "SELECT TOP 3 [delete], 'UPDATE' AS word FROM dogs"),
    ("duckdb", "FROM dogs SELECT name"),
    ("snowflake", "SELECT s.value:name::string FROM dogs, LATERAL FLATTEN(input => tags) s"),
]
CHANGES = [
    ("sqlite", "DELETE FROM dogs"),
    ("sqlite", "UPDATE dogs SET age = 1"),
    ("sqlite", "INSERT INTO dogs VALUES (1)"),
    ("sqlite", "CREATE TABLE cats AS SELECT * FROM dogs"),
    ("sqlite", "DROP TABLE dogs"),
    ("sqlite", "ALTER TABLE dogs ADD COLUMN age INT"),
    ("postgres", "TRUNCATE TABLE dogs"),
    ("postgres", "WITH old AS (SELECT 1) DELETE FROM dogs"),
    ("postgres", "MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE"),
    ("postgres", "COPY dogs TO PROGRAM 'sh'"),
]
CHANGES_IN_QUERIES = [
    ("postgres", "WITH gone AS (DELETE FROM dogs RETURNING *) SELECT * FROM gone"),
    ("athena", "WITH gone AS (DROP TABLE dogs) SELECT * FROM gone"),
    ("postgres", "SELECT * INTO cats FROM dogs"),
    ("postgres", "SELECT * FROM dogs FOR UPDATE"),
    ("postgres", "SELECT nextval('dog_ids')"),
    ("postgres", "SELECT 1 WHERE pg_catalog.setval('dog_ids', 1) > 0"),
    ("postgres", "SELECT \"setval\"('dog_ids', 1)"),
    ("postgres", "SELECT LO_IMPORT('/etc/passwd')"),
    ("postgres", "SELECT pg_terminate_backend(1)"),
    ("postgres", "SELECT pg_try_advisory_lock(1)"),
    ("postgres", "SELECT query_to_xml('DELETE FROM dogs', true, true, '')"),
    ("postgres", "SELECT * FROM dblink('host=other', 'DELETE FROM dogs') AS t(a int)"),
    ("mysql", "SELECT 1 INTO OUTFILE '/tmp/dogs'"),
    ("mysql", "SELECT 1 INTO @dogs"),
    ("mysql", "SELECT @dogs := 1"),
    ("mysql", "SELECT GET_LOCK('dogs', 10)"),
    ("sqlite", "SELECT 1 /* /* */ ; DELETE FROM dogs; -- */ */"),
    ("postgres", "SELECT 1 /* /* */ + 1 */"),
    ("mysql", "SELECT 1 /*! INTO OUTFILE '/tmp/dogs' */"),
    ("mysql", "SELECT 1 /*M!100000 INTO OUTFILE '/tmp/dogs' */"),
    ("sqlite", "SELECT load_extension('evil')"),
    ("sqlite", "SELECT writefile('/tmp/dogs', 'x')"),
    ("duckdb", "SELECT * FROM postgres_execute('db', 'DELETE FROM dogs')"),
    ("tsql", "SELECT 1 DELETE FROM dogs"),
    ("tsql", "SELECT 1 SHUTDOWN"),
    ("tsql", "SELECT name FROM dogs shutdown"),
    ("tsql", "SELECT NEXT VALUE FOR dog_ids"),
    ("tsql", "SELECT * FROM OPENQUERY(other, 'DELETE FROM dogs')"),
    ("oracle", "SELECT dog_ids.NEXTVAL FROM dual"),
    ("oracle", "SELECT utl_http.request('http://other') FROM dual"),
    ("oracle", "SELECT sys.dbms_xmlgen.getxml('x') FROM dual"),
    ("snowflake", "SELECT dog_ids.nextval"),
    ("snowflake", "SELECT SYSTEM$CANCEL_QUERY('1')"),
    ("bigquery", "SELECT * FROM EXTERNAL_QUERY('db', 'DELETE FROM dogs')"),
    ("hive", "SELECT TRANSFORM (name) USING 'rm -rf' AS (x) FROM dogs"),
]
NO_STATEMENT = [
    ("sqlite", ""),
    ("sqlite", "-- nothing but a comment"),
    ("sqlite", "I don't know."),
    ("sqlite", "hello"),
    ("sqlite", "hello world"),
    ("sqlite", "1 + 1"),
    ("sqlite", "SELECT"),
    ("sqlite", "SELECT * FROM"),
    ("sqlite", "SELECT COUNT(*) FROM dogs WHERE"),
    ("sqlite", "SELECT 'never closed"),
    ("sqlite", "SELECT 1; SELECT 2"),
    ("sqlite", "SELECT 1; DROP TABLE dogs"),
    ("sqlite", "```sql\nSELECT 1\n```"),
    ("sqlite", "PRAGMA writable_schema = 1"),
    ("sqlite", "ATTACH 'other.db' AS other"),
    ("sqlite", "VACUUM"),
    ("postgres", "CREATE garbage"),
    ("postgres", "DO $$ BEGIN DELETE FROM dogs; END $$"),
    ("postgres", "EXPLAIN ANALYZE DELETE FROM dogs"),
    ("postgres", "SET ROLE admin"),
    ("tsql", "EXEC xp_cmdshell 'dir'"),
    ("mysql", "SELECT 1 --1; DELETE FROM dogs"),
    ("databricks", "SELECT * FROM dogs |> LIMIT 1"),  # sqlglot raises an AttributeError
    ("sqlite", "(" * 5_000),
]


@pytest.mark.parametrize(("dialect", "sql"), QUERIES)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_query_is_accepted(dialect: str, sql: str, read_only: bool) -> None:
    assert ValidSQL(dialect, read_only=read_only)(AIMessage(sql)) is None


@pytest.mark.parametrize(("dialect", "sql"), CHANGES)
def test_a_change_is_accepted_only_where_it_is_allowed(dialect: str, sql: str) -> None:
    assert ValidSQL(dialect)(AIMessage(sql)) is not None
    assert ValidSQL(dialect, read_only=False)(AIMessage(sql)) is None


@pytest.mark.parametrize(("dialect", "sql"), CHANGES_IN_QUERIES)
def test_a_query_that_does_more_than_read_is_refused(dialect: str, sql: str) -> None:
    assert ValidSQL(dialect)(AIMessage(sql)) is not None


@pytest.mark.parametrize(("dialect", "sql"), NO_STATEMENT)
@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_not_one_whole_statement_is_refused(
    dialect: str, sql: str, read_only: bool
) -> None:
    assert ValidSQL(dialect, read_only=read_only)(AIMessage(sql)) is not None


dialects = st.sampled_from(
    ["bigquery", "duckdb", "mysql", "postgres", "snowflake", "sqlite", "tsql"]
)
names = st.from_regex(r"\A[a-z][a-z_]{0,8}\Z").map(lambda name: f"{name}_1")
spaces = st.sampled_from([" ", "\n", "\t", "  ", " /* well */ ", "/**/"])
changes = st.builds(
    str.format,
    st.sampled_from(
        [
            "DELETE FROM {0}",
            "DELETE FROM {0} WHERE {1} = 1",
            "UPDATE {0} SET {1} = 2",
            "INSERT INTO {0} VALUES (1)",
            "INSERT INTO {0} SELECT * FROM {1}",
            "CREATE TABLE {0} ({1} INT)",
            "CREATE VIEW {0} AS SELECT * FROM {1}",
            "DROP TABLE {0}",
            "DROP TABLE IF EXISTS {0}",
            "ALTER TABLE {0} DROP COLUMN {1}",
            "TRUNCATE TABLE {0}",
            "SELECT * INTO {0} FROM {1}",
            "GRANT ALL ON {0} TO {1}",
            "MERGE INTO {0} USING {1} ON TRUE WHEN MATCHED THEN DELETE",
        ]
    ),
    names,
    names,
)
disguises = [
    "{0}",
    "{0};",
    "({0})",
    "/* SELECT */ {0}",
    "-- SELECT 1\n{0}",
    "SELECT 1; {0}",
    "SELECT 1;\n--\n{0};",
    "{0} UNION SELECT 1",
    "EXPLAIN ANALYZE {0}",
    "WITH x AS ({0}) SELECT * FROM x",
    "WITH x AS ({0} RETURNING *) SELECT * FROM x",
    "SELECT * FROM ({0}) AS x",
    "SELECT ({0})",
    "WITH x AS (SELECT 1) {0}",
    "BEGIN; {0}; COMMIT",
    "EXEC('{0}')",
]
# Only SQL Server takes these for two statements; to others they are one query or an error.
unseparated = [
    "SELECT 1 {0}",
    "SELECT 1\n{0}",
    "SELECT * FROM t {0}",
    "SELECT * FROM t AS a {0}",
    "SELECT * FROM t WHERE a = 1 {0}",
    "SELECT 1 AS a {0}",
]
disguised = st.tuples(dialects, st.sampled_from(disguises)) | st.tuples(
    st.just("tsql"), st.sampled_from(unseparated)
)


@settings(max_examples=1_000)
@given(disguised, changes, spaces, st.booleans())
def test_no_disguise_gets_a_change_past_a_reader(
    disguised: tuple[str, str], change: str, space: str, is_lower: bool
) -> None:
    dialect, disguise = disguised
    sql = disguise.format(change.replace(" ", space))

    assert ValidSQL(dialect)(AIMessage(sql.lower() if is_lower else sql)) is not None

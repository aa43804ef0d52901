"""A guard for answers in SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage

from langchain_tuned_gemini.errors import MissingExtraError, ParameterError
from langchain_tuned_gemini.guards.results import Refusal, excerpt
from langchain_tuned_gemini.guards.texts import text_to_judge

if TYPE_CHECKING:
    from sqlglot import Dialect, Expr

# Functions that write, lock, reach other machines, or run the SQL in a text.
_HARMFUL = re.compile(
    r"""
      nextval | setval | set_config | lo_\w+ | dblink\w* | crosstab\w* | connectby | ts_stat
    | xpath_table | (?:query|cursor|table|schema|database)_to_xml\w*
    | pg_(?: notify | terminate_backend | cancel_backend | reload_conf | rotate_logfile | promote
        | switch_wal | create_\w+ | drop_\w+ | copy_\w+ | file_\w+ | logical_\w+
        | replication_\w+ | \w*advisory\w* | stat_reset\w* | import_\w+ | wal_replay_\w+
        | (?:start|stop)_backup | backup_(?:start|stop) | log_\w+ )            # PostgreSQL
    | get_lock | release_lock | release_all_locks | sys_exec | sys_eval        # MySQL
    | load_extension | writefile | edit                                        # SQLite
    | \w+_(?:execute|attach)                                                   # DuckDB
    | openrowset | openquery | opendatasource                                  # SQL Server
    | external_query | system\$\w+                              # BigQuery, Snowflake
    | (?:dbms|utl)_\w+                                                         # Oracle
    """,
    re.IGNORECASE | re.VERBOSE,
)

# The parser skips comments; MySQL runs /*! … */, and takes `--` for one only before a space.
_EXECUTED_COMMENT = re.compile(r"/\*M?!|--(?!\s|$)")

# SQL Server needs no semicolon between statements. Its words are reserved, so that an alias
# called DELETE, which the parser sees in `SELECT 1 DELETE FROM t`, is a second statement.
_START_OF_STATEMENT = re.compile(
    "ALTER|BACKUP|BULK|CHECKPOINT|COMMIT|CREATE|DBCC|DELETE|DENY|DROP|EXEC|EXECUTE|FETCH|GRANT|"
    "INSERT|KILL|RECONFIGURE|RESTORE|REVERT|REVOKE|ROLLBACK|SHUTDOWN|TRUNCATE|UPDATE|USE",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ValidSQL:
    """Refuses any text but one statement that the database understands.

    What the parser takes for a statement without understanding it whole is refused too.

    A guard of answers, no sandbox: a function that the database's owner wrote may do anything.
    What really protects a database is a user who may only read.

    Args:
        dialect: The database, by sqlglot's name: `"postgres"`, `"mysql"`, `"sqlite"`,
            `"bigquery"`, `"tsql"` and so on.
        read_only: Whether the statement must be a query that changes nothing: no DML in it, no
            `SELECT INTO`, no locks, none of the functions that are known to write. Otherwise a
            change of data or schema is accepted as well.

    Raises:
        MissingExtraError: Without `sqlglot`.
        ParameterError: For a dialect that sqlglot does not know.

    Example:
        >>> is_query = ValidSQL("sqlite")
        >>> is_query(AIMessage("SELECT * FROM dogs;")) is None
        True
        >>> is_query(AIMessage("DELETE FROM dogs")).why
        'it is no query but DELETE'
    """

    dialect: str
    read_only: bool = True

    def __post_init__(self) -> None:
        """Checks the dialect while whoever wrote it is looking."""
        check_dialect("ValidSQL", self.dialect)

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        from sqlglot import Dialect

        sql = text_to_judge(message)
        if sql is None:
            return None
        dialect = Dialect.get_or_raise(self.dialect)
        statements = _parsed(sql, dialect)
        if len(statements) != 1:
            told = "is no SQL" if not statements else f"has {len(statements)} statements, not one"
            return Refusal(f"it {told}")
        problem = _incomplete(statements[0])
        if problem is None and self.read_only:
            problem = _hidden(sql, dialect) or _change(statements[0])
        return Refusal(f"it {problem}") if problem else None


def check_dialect(owner: str, name: str) -> None:
    """Returns if sqlglot is there, and knows a dialect of this name.

    Raises:
        MissingExtraError: It is not there.
        ParameterError: It does not know the dialect.
    """
    try:
        from sqlglot import Dialect
    except ImportError:
        raise MissingExtraError(owner, extra="sql") from None
    if not name or Dialect.get(name) is None:
        known = ", ".join(sorted(name for name in Dialect.classes if name))
        raise ParameterError(f"{owner}: {name!r} is no dialect of sqlglot: {known}.")


def _parsed(sql: str, dialect: Dialect) -> list[Expr]:
    """The statements of a text; none at all where it is no SQL."""
    from sqlglot import exp

    try:
        parsed = dialect.parse(sql)
    # Text of a model's making: besides its own errors the parser stumbles with AttributeError,
    # RecursionError and others. Whatever it can't read is no SQL that may be used.
    except Exception:  # noqa: BLE001
        return []
    return [one for one in parsed if one is not None and not isinstance(one, exp.Semicolon)]


def _incomplete(statement: Expr) -> str | None:
    """What is wrong with a statement, whether it reads or writes."""
    from sqlglot import exp

    whole = (exp.Query, exp.Values, exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.TruncateTable)
    if isinstance(statement, exp.Command):
        return f"is a {_kind(statement)} that the parser does not understand"
    if not isinstance(statement, whole):
        return "is no statement that queries or changes data"
    if any(not select.expressions for select in statement.find_all(exp.Select)):
        return "selects nothing"
    return None


def _hidden(sql: str, dialect: Dialect) -> str | None:
    """What the database would run and the parser does not see."""
    from sqlglot.dialects import TSQL, MySQL

    tokens = dialect.tokenize(sql)
    # Whether comments nest differs between databases, and so does where this one ends.
    if any("/*" in comment for token in tokens for comment in token.comments):
        return "has a comment within a comment"
    if isinstance(dialect, MySQL) and _EXECUTED_COMMENT.search(sql):
        return "has a comment that MySQL executes"
    if isinstance(dialect, TSQL):
        bare = (token.text for token in tokens[1:] if sql[token.start].isalpha())  # unquoted
        if second := next(filter(_START_OF_STATEMENT.fullmatch, bare), None):
            return f"has a second statement, {second.upper()}"
    return None


def _change(statement: Expr) -> str | None:
    """What a statement would change; None for a query that only reads."""
    from sqlglot import exp

    if not isinstance(statement, (exp.Query, exp.Values)):
        return f"is no query but {_kind(statement)}"
    writing = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.QueryTransform)
    for node in statement.walk():
        if isinstance(node, exp.CTE) and not isinstance(node.this, (exp.Query, exp.Values)):
            return f"has {_kind(node.this)} in a query"
        if isinstance(node, writing):
            return f"has {_kind(node)} in a query"
        if isinstance(node, exp.PropertyEQ) and isinstance(node.this, exp.Parameter):
            return "sets a variable"
        if harmful := next(filter(_HARMFUL.fullmatch, _called(node)), None):
            return f"calls {excerpt(harmful)}, which does more than read"
    return None


def _called(node: Expr) -> Iterator[str]:
    """What a node calls: a function by its name, a package, or a sequence as if a column."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        yield node.name
    elif isinstance(node, exp.NextValueFor) or (
        isinstance(node, exp.Column) and node.name.lower() == "nextval"
    ):
        yield "nextval"
    elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
        yield from (part.name for part in node.this.find_all(exp.Identifier))


def _kind(node: Expr) -> str:
    return node.key.upper()

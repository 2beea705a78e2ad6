"""SQL Server and Azure SQL through pyodbc, which is imported when first used."""

from repositories.sqlserver.engine import SqlServerDatabase

__all__ = ["SqlServerDatabase"]

-- title: Failed SQL Server Agent jobs
-- unit: jobs
-- warning: 1
-- critical: 5
-- every: 60
-- priority: 3
-- Enabled jobs of SQL Server Agent whose newest run failed: backups, index maintenance, imports.
-- msdb.dbo.sysjobhistory has the message of each. Azure SQL Database has no such jobs.
IF SERVERPROPERTY('EngineEdition') = 5
    SELECT NULL AS jobs, N'Azure SQL Database has no SQL Server Agent' AS not_available;
ELSE IF COALESCE(HAS_PERMS_BY_NAME('msdb.dbo.sysjobs', 'OBJECT', 'SELECT'), 0) = 0
     OR COALESCE(HAS_PERMS_BY_NAME('msdb.dbo.sysjobservers', 'OBJECT', 'SELECT'), 0) = 0
    SELECT NULL AS jobs, N'the login may not read the jobs of msdb' AS not_available;
ELSE
    EXEC sys.sp_executesql N'
    SELECT COUNT(*) AS jobs
      FROM msdb.dbo.sysjobs AS job
     WHERE job.enabled = 1
       AND EXISTS (SELECT 1
                     FROM msdb.dbo.sysjobservers AS newest
                    WHERE newest.job_id = job.job_id
                      AND newest.last_run_outcome = 0
                      AND newest.last_run_date > 0);';

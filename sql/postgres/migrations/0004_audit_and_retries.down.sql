DROP TABLE monitoring.task_retries;
DROP TABLE monitoring.audit_log;

DROP TABLE monitoring.dead_letter_queue;

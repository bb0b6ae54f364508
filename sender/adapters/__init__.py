"""The sender's I/O: Kafka, Redis, SMTP, HTTP, template files."""

"""The cloud's SQL, a topic a module, written once for every store (`cloud.statements`)."""

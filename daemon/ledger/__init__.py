"""The encrypted ledger: SQLCipher behind the ports of daemon.ports."""

"""The web page's server: API, events, sessions."""

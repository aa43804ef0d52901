"""Google's APIs on the wire: the server, requests, replies, errors, pages."""

"""Status pages as everybody reads them: no sign-in, no cookie, and no query for a request."""

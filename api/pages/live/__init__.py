"""New events on a page that is open: who follows which view, and what is sent to them."""

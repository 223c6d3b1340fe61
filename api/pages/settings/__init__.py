"""The settings of a project, a page for each subject: members see, admins change."""

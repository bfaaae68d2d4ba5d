"""The mailbox that takes homework: `mailbox` reads it, `reading` has mails parsed in a child process."""

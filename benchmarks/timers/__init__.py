"""A great many pending wake-ups: fired on time while events flow, in a burst, and after a downtime."""

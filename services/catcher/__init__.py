"""The mail catcher: a real SMTP server on this machine that delivers to a folder, with a page to look at it.

Takes every mail for every address and sends none on. Mails are kept as .eml files between runs; the folder is
the truth, the index in memory is built from it at start.
"""

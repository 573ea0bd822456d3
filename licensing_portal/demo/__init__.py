"""The demo's story: the tour on コントソ商事 and the drawer that changes the mood of the stand-in for Microsoft.

Nothing here exists outside the demo (`settings.DEMO`), and no other room knows of it but the frame of the pages.
"""

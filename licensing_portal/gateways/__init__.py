"""Everything that speaks to Microsoft; JSON becomes values of ours at this edge, and no Django comes in."""

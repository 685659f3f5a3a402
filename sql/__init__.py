"""Every statement over the catalog and the snapshots, one file each."""

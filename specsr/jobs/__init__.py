"""Jobs over files and folders: plan, run, manifest, cluster."""

"""Jobs over files and folders: options, plan, work, run, manifest, cluster."""

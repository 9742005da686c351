"""OFD documents (GB/T 33190-2016): package, model, display list, painters, signatures."""

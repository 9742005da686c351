"""Drivers for pads and cameras: transports, devices, simulators. No documents, no windows."""

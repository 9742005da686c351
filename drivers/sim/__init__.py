"""Simulated devices that speak the real bytes. Whatever they produce is labelled 模拟."""

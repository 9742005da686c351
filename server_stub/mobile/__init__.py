"""The duty `mobile`: tasks, patients, stations, the HIS's API, the station's API, push and callbacks."""

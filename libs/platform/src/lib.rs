//! What every service stands on: config, telemetry, transport, actors, health, shutdown

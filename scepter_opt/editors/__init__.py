"""JSON Schemas for editors: completion, documentation and red lines in the YAML files of an app. Imports no torch."""

"""The config groups, as files. An app finds them by `import scepter_opt`, or at pkg://scepter_opt.conf."""

"""Whole runs over files: folders, videos, lists of jobs; each can be interrupted and goes on."""

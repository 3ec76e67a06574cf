"""What is shown of the numbers: tables, figures, the page."""

"""What is on the screens: widgets that are given values and post requests. They await nothing and do no I/O."""

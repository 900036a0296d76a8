"""Full-size screens: layout and key handlers. They read `AppState` and post messages; they do no I/O."""

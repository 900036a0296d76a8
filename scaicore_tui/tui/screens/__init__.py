"""The screens: what is where, which key means what there. They read the desk and post requests; they await nothing."""

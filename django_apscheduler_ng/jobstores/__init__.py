"""Where jobs are kept between their runs."""

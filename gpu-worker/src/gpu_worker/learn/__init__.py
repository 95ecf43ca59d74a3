"""What all learning here shares: the order of samples, the schedule, the loss, the zeros that stay."""

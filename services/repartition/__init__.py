"""`tetik repartition`: more partitions, each customer's state where her events go."""

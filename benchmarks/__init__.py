"""Measurements that anybody can repeat. The claim is the ratio between contenders in one run."""

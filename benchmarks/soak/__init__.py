"""Half load for as long as one likes, with everything that goes wrong every day; is the memory flat?"""

"""The service over Ray Serve: models in replicas, and the same API in front of them.

`deployment` has the replicas of one model, `engine` deploys and watches them, `recognition` and
`streams` give them work, `build` joins these to a service, and `ingress` serves it from Ray.
"""

"""Task definitions of the service that the platform runs."""

import sys

CONTAINER = "web"
PORT = 8000
# Where tasks get their network interfaces, as programs and as the command line say it.
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
NETWORK_WORDS = "awsvpcConfiguration={subnets=[subnet-1]}"


def definition(family, image, region="us-east-1", **environment):
    """A request of RegisterTaskDefinition: the service, with these variables in its environment."""
    return {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "containerDefinitions": [{
            "name": CONTAINER,
            "image": image,
            "essential": True,
            "command": [sys.executable, "server.py"],
            "stopTimeout": 5,
            "portMappings": [{"containerPort": PORT, "protocol": "tcp"}],
            "environment": [
                {"name": name, "value": value} for name, value in sorted(environment.items())
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": f"/conformance/{family}",
                    "awslogs-region": region,
                    "awslogs-stream-prefix": "ecs",
                    "awslogs-create-group": "true",
                },
            },
        }],
    }


def script(family, image, text):
    """A request of RegisterTaskDefinition: a shell script in place of the service."""
    request = definition(family, image)
    container = request["containerDefinitions"][0]
    container["command"] = ["/bin/sh", "-c", text]
    del container["portMappings"]
    return request
